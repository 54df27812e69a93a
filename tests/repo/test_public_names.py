"""Every public name exists, says in words what it does, and carries types."""

import dataclasses
import importlib
import inspect

import pytest

from checkout import PACKAGES


def undocumented(name: str, value: object) -> bool:
    """Return True for a function or class without a docstring of its own (dataclasses make one up)."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return False
    text = (
        inspect.cleandoc(value.__doc__ or "") if "__doc__" in vars(value) or inspect.isroutine(value) else ""
    )
    made_up = dataclasses.is_dataclass(value) and text.startswith(f"{name}(")
    return len(text.split()) < 3 or made_up


def untyped(value: object) -> list[str]:
    """Return the parameters of a Python function that lack an annotation, and "return"."""
    if not inspect.isfunction(value):
        return []
    signature = inspect.signature(value)
    lacking = [name for name, p in signature.parameters.items() if p.annotation is inspect.Parameter.empty]
    return lacking + (["return"] if signature.return_annotation is inspect.Signature.empty else [])


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names(package):
    module = importlib.import_module(package)
    names = module.__all__
    assert len(names) == len(set(names))
    values = {name: getattr(module, name) for name in names}
    assert [name for name, value in values.items() if undocumented(name, value)] == []
    assert {name: found for name, value in values.items() if (found := untyped(value))} == {}


def test_the_checks_can_fail():
    @dataclasses.dataclass
    class Bare:
        a: int

    class Silent(dict):  # would inherit a docstring
        pass

    def loose(a, b: int = 1):
        """Do something useful."""

    assert undocumented("Bare", Bare)
    assert undocumented("Silent", Silent)
    assert not undocumented("loose", loose)
    assert not undocumented("NUMBER", 3)
    assert untyped(loose) == ["a", "return"]

"""Learn one person's talking head from a short video and make it speak any audio."""

from mimictalk.avatar import Avatar as Avatar
from mimictalk.errors import AvatarError as AvatarError
from mimictalk.errors import InputError as InputError
from mimictalk.errors import MimictalkError as MimictalkError
from mimictalk.errors import RunError as RunError

__version__ = "0.1.0"
__all__ = ["Avatar", "AvatarError", "InputError", "MimictalkError", "RunError"]

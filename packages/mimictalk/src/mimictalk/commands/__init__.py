"""One file per command: options in, one call, result out. The work is done elsewhere."""

import typer

from mimictalk.commands.ablate import ablate
from mimictalk.commands.adapt import adapt
from mimictalk.commands.batch import batch
from mimictalk.commands.check import check
from mimictalk.commands.demo import demo
from mimictalk.commands.doctor import doctor
from mimictalk.commands.evaluate import evaluate
from mimictalk.commands.motion import motion
from mimictalk.commands.oneshot import oneshot
from mimictalk.commands.preprocess import preprocess
from mimictalk.commands.render import render
from mimictalk.commands.serve import serve
from mimictalk.commands.stream import stream
from mimictalk.commands.track import track
from mimictalk.commands.train_talk import train
from mimictalk.commands.ui import ui
from mimictalk.commands.verify import verify
from mimictalk.commands.weights import weights


def register_all(app: typer.Typer) -> None:
    """Add the commands in the order in which `--help` lists them."""
    making = (demo, adapt, render, oneshot, check, evaluate, ablate, track, motion)
    for command in (*making, batch, preprocess, verify, doctor, ui, serve, stream):
        app.command()(command)
    for group in (weights, train):
        app.add_typer(group)

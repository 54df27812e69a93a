"""How good a video of an avatar is: figures beside a true clip, tables as papers print them, a report."""

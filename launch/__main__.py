"""``python -m launch``: the ``tessera`` command, for the processes that it starts itself."""

from launch.command import command

command()

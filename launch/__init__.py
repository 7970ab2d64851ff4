"""Starting Tessera: the ``tessera`` command, its processes, and the sample association.

The outermost package: it knows all others, and none of them knows it.
"""

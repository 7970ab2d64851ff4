"""How the sync stands: for the panel, the command line, metrics and mails."""

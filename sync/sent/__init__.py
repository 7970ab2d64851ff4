"""What was sent: of each contact, and counted by minute."""

"""The removal guard: what would leave a group at Higher Logic in numbers is held."""

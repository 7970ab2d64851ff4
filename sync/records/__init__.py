"""What Higher Logic is to be told of a contact: records, in our words."""

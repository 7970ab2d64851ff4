"""Who exists: people, companies, accounts, custom fields, groups, conditions, membership, import,
and the one place where changes are announced."""

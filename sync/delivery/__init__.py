"""On the way to Higher Logic: leases, batches, the gate, and what became of them."""

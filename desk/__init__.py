"""Where staff step in: the queue of customers who wait for a person."""

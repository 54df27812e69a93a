"""What runs of any size take and cost, from times measured on small ones."""

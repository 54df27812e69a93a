"""How long a preprocessing run of any size takes, from times measured on a small one."""

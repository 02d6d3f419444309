"""Teams of agents who are named in a YAML file and exchange messages."""

"""The embedded supervisor behind `pointsman up`: every process of the product on one machine, under one roof."""

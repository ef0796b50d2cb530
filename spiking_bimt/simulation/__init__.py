"""How a network is run: trials, one large network, integers, crossbars."""

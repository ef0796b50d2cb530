"""From a trained rate RNN to a neuromorphic chip."""

"""Images that are made with a network: data impressions, pseudo-examples, and their programs."""

"""Networks: encoders, decoders and the module that holds them."""

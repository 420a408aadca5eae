"""What tests share: small data sets and runs, stand-ins for servers and files, games, browsers."""

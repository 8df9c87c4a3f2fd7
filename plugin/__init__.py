"""What a host loads: adapters, the service launcher, the manifest and the installer."""

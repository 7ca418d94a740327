"""The version of Parley: of the service, of the command line tool and of their package."""

VERSION = "0.1.0"

"""The fleet as one HTML page. Its style and scripts are files of this folder."""

"""Runs a program of Swift with the swift.conf of a rig: daemon.py FOLDER swift-object-updater CONFIG [once]

Only some of the programs take the folder of swift.conf from their own configuration; the others look in /etc/swift.
"""

import os
import runpy
import sys

from swift.common import utils

folder, program = sys.argv[1:3]
utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
if program == "swift-proxy-server":
    # Tokens of less than two minutes would have it log in to Keystone again before every single question about a token.
    from keystoneauth1.identity.base import BaseIdentityPlugin

    BaseIdentityPlugin.MIN_TOKEN_LIFE_SECONDS = 2
path = os.path.join(os.path.dirname(sys.executable), program)
sys.argv = [path, *sys.argv[3:]]
runpy.run_path(path, run_name="__main__")

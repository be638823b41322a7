"""Removes a directory with all that is in it: rmtree.py DIRECTORY"""

import shutil
import sys

import contestant

contestant.ready()
shutil.rmtree(sys.argv[1])
contestant.committed()
contestant.done()

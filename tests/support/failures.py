"""Prints the output of the failed tests of a JUnit file: `python3 -m support.failures FILE`."""
import sys
import xml.etree.ElementTree as xml

for case in xml.parse(sys.argv[1]).getroot().iter("testcase"):
    failure = case.find("failure")
    if failure is not None:
        output = case.findtext("system-out") or failure.get("message") or ""
        print(f"--- {case.get('name')} FAILED\n{output[-3000:]}")

"""A real browser, driven through its own debugging pipe: no library stands between the tests and Chromium."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-pipe",
    # The network is off: no name resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE = 20.0


class Page:
    """A page in the browser, with everything that it said and asked for."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session
        self.messages: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """A command of the debugging protocol."""
        return self.browser.call(method, parameters, self.session)

    def hear(self, event: dict[str, Any]) -> None:
        """Keep what the console says, and what is asked of a network."""
        method, parameters = event["method"], event["params"]
        if method == "Runtime.exceptionThrown":
            self.messages.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(str(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def open(self, path: Path, *, width: int = 1200, height: int = 900, after: str = "") -> Page:
        """Open a file in a window of some width."""
        self.resize(width, height)
        self.call("Page.navigate", url=path.as_uri() + after)
        self.wait("document.readyState === 'complete' && document.querySelector('[role=row]')")
        return self

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until an expression is true."""
        ends = time.monotonic() + PATIENCE
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < ends, f"never true: {expression}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Click on the first element."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str) -> None:
        """Write into a field, as a person does: in place of what stands there."""
        self.value(f"(() => {{ const box = document.querySelector({json.dumps(selector)}); box.focus(); box.select(); }})()")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.key("Delete")

    def key(self, name: str) -> None:
        """Press a key."""
        codes = {"Delete": 46, "Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}
        more = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name], **more)

    def tree(self) -> list[dict[str, Any]]:
        """The accessibility tree, as a flat list of nodes that assistive technology sees."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]


class Browser:
    """Chromium without a window. Each test gets pages of its own."""

    def __init__(self, profile: Path) -> None:
        to_browser, from_browser = os.pipe(), os.pipe()
        command = f"exec {CHROMIUM} {' '.join(map(_quoted, FLAGS))} --user-data-dir={_quoted(str(profile))} about:blank"
        # Chromium reads file descriptor 3 and writes 4; the shell puts the pipes there.
        shell = f"{command} 3<&{to_browser[0]} 4>&{from_browser[1]}"
        self._process = subprocess.Popen(
            ["bash", "-c", shell],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._write, self._read = to_browser[1], from_browser[0]
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._pages: dict[str, Page] = {}

    def call(self, method: str, parameters: dict[str, Any], session: str = "") -> Any:
        """A command, and its answer; events on the way go to their pages."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            page = self._pages.get(answer.get("sessionId", ""))
            if page and "method" in answer:
                page.hear(answer)

    def _next(self) -> dict[str, Any]:
        ends = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, ends - time.monotonic()))
            assert ready, "the browser does not answer"
            read = os.read(self._read, 1 << 20)
            assert read, "the browser has ended"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def page(self) -> Page:
        """A new page."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page.__new__(Page)
        page.__init__(self, session)  # type: ignore[misc]
        return page

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(10)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; what needs it is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; install it (Debian: chromium) to run the tests of the page in a browser")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Makes an empty page, which is closed after the test."""
    opened: list[Page] = []

    def made() -> Page:
        opened.append(browser.page())
        return opened[-1]

    yield made
    for page in opened:
        page.call("Page.close")

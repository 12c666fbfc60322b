"""One running Rollcall to a vault: a second start raises the first window and ends."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer

WAIT_MS = 1500


class SingleWindow(QObject):
    """Holds a lock beside the vault; listens for a second start.

    Signals:
        raise_asked: another start wants this window in front.
    """

    raise_asked = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Beside the folder, not in it: enrolment takes back a folder that it found empty.
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = QLockFile(str(folder.parent / f".{folder.name}.lock"))
        self._lock.setStaleLockTime(0)  # a lock is stale when its process is gone, however old it is
        self._folder = folder
        self._server: QLocalServer | None = None

    def is_first(self) -> bool:
        """Take the lock; False when another Rollcall holds it."""
        return self._lock.tryLock(0)

    def listen(self) -> None:
        """Take calls from later starts. Called once the window is on screen."""
        from PySide6.QtNetwork import QLocalServer

        name = self._name()
        QLocalServer.removeServer(name)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._called)
        self._server.listen(name)

    def call_first(self) -> bool:
        """Ask the Rollcall that is running to come to the front; return whether it answered."""
        from PySide6.QtNetwork import QLocalSocket

        socket = QLocalSocket()
        socket.connectToServer(self._name())
        reached = socket.waitForConnected(WAIT_MS)
        socket.disconnectFromServer()
        return reached

    def release(self) -> None:
        """Let another Rollcall open this vault."""
        if self._server is not None:
            self._server.close()
        self._lock.unlock()

    def _name(self) -> str:
        import hashlib  # late: the unlock window does not wait for it

        return f"rollcall-{hashlib.sha256(str(self._folder.resolve()).encode()).hexdigest()[:16]}"

    def _called(self) -> None:
        if self._server is not None:
            caller = self._server.nextPendingConnection()
            if caller is not None:
                caller.close()
                caller.deleteLater()
        self.raise_asked.emit()

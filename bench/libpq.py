"""The functions of libpq that the benchmark needs. Every PostgreSQL includes libpq, and Python needs no package for it."""
import ctypes

_pq = ctypes.CDLL("libpq.so.5")
_pointer, _text, _number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for _name, _result, *_arguments in (
    ("PQconnectdb", _pointer, _text),
    ("PQfinish", None, _pointer),
    ("PQstatus", _number, _pointer),
    ("PQerrorMessage", _text, _pointer),
    ("PQbackendPID", _number, _pointer),
    ("PQexec", _pointer, _pointer, _text),
    ("PQprepare", _pointer, _pointer, _text, _text, _number, _pointer),
    ("PQexecPrepared", _pointer, _pointer, _text, _number, _pointer, _pointer, _pointer, _number),
    ("PQresultStatus", _number, _pointer),
    ("PQntuples", _number, _pointer),
    ("PQnfields", _number, _pointer),
    ("PQgetvalue", _text, _pointer, _number, _number),
    ("PQclear", None, _pointer),
):
    _function = getattr(_pq, _name)
    _function.restype, _function.argtypes = _result, _arguments

_GOOD = (0, 1, 2)  # empty query, command, rows


class Connection:
    """One session. Values are text; NULL is the empty text."""

    def __init__(self, **parameters):
        text = " ".join(f"{key}='{value}'" for key, value in parameters.items())
        self._conn = _pq.PQconnectdb(text.encode())
        if _pq.PQstatus(self._conn) != 0:
            raise ConnectionError(_pq.PQerrorMessage(self._conn).decode().strip())
        self.pid = _pq.PQbackendPID(self._conn)

    def _check(self, result):
        if _pq.PQresultStatus(result) not in _GOOD:
            raise RuntimeError(_pq.PQerrorMessage(self._conn).decode().strip())
        return result

    def rows(self, sql):
        result = self._check(_pq.PQexec(self._conn, sql.encode()))
        columns = range(_pq.PQnfields(result))
        rows = [[_pq.PQgetvalue(result, row, column).decode() for column in columns]
                for row in range(_pq.PQntuples(result))]
        _pq.PQclear(result)
        return rows

    def prepare(self, name, sql):
        _pq.PQclear(self._check(_pq.PQprepare(self._conn, name.encode(), sql.encode(), 0, None)))

    def execute(self, name):
        """Executes the prepared statement with binary results, and returns the number of rows."""
        result = self._check(_pq.PQexecPrepared(self._conn, name.encode(), 0, None, None, None, 1))
        count = _pq.PQntuples(result)
        _pq.PQclear(result)
        return count

    def close(self):
        _pq.PQfinish(self._conn)

"""A double of a MongoDB replica set's primary, for tests. It is not MongoDB and proves nothing about it: it speaks the wire
protocol (OP_MSG, and OP_QUERY for a driver's first word), holds documents in memory, and is strict about what the product must
not do. What is asked of it, it writes down: the command `doubleLog` gives that. The command `configureFailPoint` of real servers
(`failCommand`) makes commands fail; `afterward: true`, which real servers do not know, lets the command do its work first and
loses the answer."""
import socket
import socketserver
import struct
import threading
import time

from bson_codec import Date, Int64, Timestamp, decode, encode, key
from store import Duplicate, Refused, Store, Transaction

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
HEADER = struct.Struct("<iiii")
BATCH = 1000
KNOWN_CURSORS = 1000


class Lost(Exception):
    """The connection is cut instead of an answer."""


class Double:
    def __init__(self):
        self.store = Store()
        self.lock = self.store.lock
        self.address = None
        self.database_of = {}   # session -> of its transaction
        self.transactions = {}  # session -> (number, Transaction or None, how it ended)
        self.answers = {}       # (session, number) -> the answer to a retryable write
        self.cursors = {}
        self.cursor_no = 0
        self.log = []
        self.fail = None

    # ---- one command ----

    def answer(self, command):
        name = next(iter(command))
        with self.lock:
            try:
                return self._guarded(name, command)
            except Refused as e:
                self._after_error(command)
                return e.reply()

    def _guarded(self, name, command):
        fail = self._take_fail(name)
        if fail is not None and not fail.get("afterward"):
            return self._fail(fail, None)
        self._note(name, command)
        reply = self._retryable(name, command)
        return reply if fail is None else self._fail(fail, reply)

    def _note(self, name, command):
        if name in ("hello", "isMaster", "ismaster", "ping", "doubleLog", "endSessions", "configureFailPoint"):
            return
        kept = {k: v for k, v in command.items() if k not in ("lsid", "$db", "$clusterTime", "documents", "updates", "deletes")}
        for what in ("documents", "updates", "deletes"):
            if what in command:
                kept[what] = command[what][:3]
                kept["count"] = len(command[what])
        db = command.get("$db", "")
        if name == "renameCollection":
            db = command[name].split(".", 1)[0]
        if command.get("startTransaction"):
            self.database_of[self._session(command)] = db
        elif name in ("commitTransaction", "abortTransaction"):  # they go to admin, and are written down where their work is
            db = self.database_of.get(self._session(command), db)
        self.log.append({"name": name, "db": db, "command": kept})
        del self.log[:-5000]

    # ---- failures that were asked for ----

    def _take_fail(self, name):
        fail = self.fail
        if fail is None or name not in fail["data"].get("failCommands", []):
            return None
        mode = fail["mode"]
        if isinstance(mode, dict):
            if mode.get("skip", 0) > 0:
                mode["skip"] -= 1
                return None
            mode["times"] -= 1
            if mode["times"] <= 0:
                self.fail = None
        return fail["data"]

    @staticmethod
    def _fail(fail, reply):
        if fail.get("closeConnection"):
            raise Lost()
        labels = fail.get("errorLabels", [])
        if "writeConcernError" in fail:
            reply = {**(reply or {"ok": 1.0, "n": 0}), "writeConcernError": fail["writeConcernError"]}
            return {**reply, "errorLabels": labels} if labels else reply
        raise Refused(fail["errorCode"], fail.get("codeName", "Failed"), "the fail point says so", labels)

    # ---- sessions ----

    def _after_error(self, command):
        session = self._session(command)
        held = self.transactions.get(session)
        if "autocommit" in command and held is not None and held[1] is not None:
            self.store.abort(held[1])
            self.transactions[session] = (held[0], None, "aborted")

    @staticmethod
    def _session(command):
        lsid = command.get("lsid")
        return bytes(lsid["id"]) if lsid else None

    def _retryable(self, name, command):
        number = command.get("txnNumber")
        if number is None or "autocommit" in command:
            return self._run(name, command, self._transaction(name, command))
        once = (self._session(command), int(number))
        if once not in self.answers:
            self.answers[once] = self._run(name, command, None)
            if len(self.answers) > 1000:
                del self.answers[next(iter(self.answers))]
        return self.answers[once]

    def _transaction(self, name, command):
        if "autocommit" not in command or name in ("commitTransaction", "abortTransaction"):
            return None
        session, number = self._session(command), int(command["txnNumber"])
        if command.get("startTransaction"):
            held = self.transactions.get(session)
            if held is not None and held[1] is not None:
                self.store.abort(held[1])
            self.transactions[session] = (number, Transaction(self.store.clock), None)
        elif "writeConcern" in command:
            raise Refused(72, "InvalidOptions", "writeConcern is not allowed within a multi-statement transaction")
        held = self.transactions.get(session)
        if held is None or held[0] != number or held[1] is None:
            raise Refused(251, "NoSuchTransaction", "there is no such transaction", ["TransientTransactionError"])
        return held[1]

    def _end_transaction(self, command, commit):
        session, number = self._session(command), int(command["txnNumber"])
        held = self.transactions.get(session)
        if held is None or held[0] != number:
            raise Refused(251, "NoSuchTransaction", "there is no such transaction", ["TransientTransactionError"])
        _, txn, ended = held
        if txn is None:
            if commit and ended == "committed":
                return {"ok": 1.0}
            raise Refused(251, "NoSuchTransaction", f"the transaction was {ended}", ["TransientTransactionError"])
        (self.store.commit if commit else self.store.abort)(txn)
        self.transactions[session] = (number, None, "committed" if commit else "aborted")
        return {"ok": 1.0}

    # ---- commands ----

    def _run(self, name, command, txn):
        method = getattr(self, "do_" + name.lower(), None)
        if method is None:
            raise Refused(59, "CommandNotFound", f"the double does not know the command {name}")
        return method(command, self.store.database(command.get("$db", "admin")), txn)

    def do_hello(self, command, _db, _txn):
        host = f"{self.address[0]}:{self.address[1]}"
        return {"ok": 1.0, "helloOk": True, "ismaster": True, "isWritablePrimary": True, "secondary": False, "setName": "double",
                "setVersion": 1, "hosts": [host], "primary": host, "me": host, "maxBsonObjectSize": 16777216,
                "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "logicalSessionTimeoutMinutes": 30,
                "localTime": Date(time.time() * 1000), "minWireVersion": 0, "maxWireVersion": 21, "readOnly": False}

    do_ismaster = do_hello

    def do_ping(self, _command, _db, _txn):
        return {"ok": 1.0}

    def do_buildinfo(self, _command, _db, _txn):
        return {"ok": 1.0, "version": "7.0.0", "versionArray": [7, 0, 0, 0], "double": True}

    def do_killsessions(self, command, _db, _txn):
        for lsid in command["killSessions"]:
            session = bytes(lsid["id"])
            held = self.transactions.get(session)
            if held is not None and held[1] is not None:
                self.store.abort(held[1])
                self.transactions[session] = (held[0], None, "aborted")
        return {"ok": 1.0}

    def do_endsessions(self, _command, _db, _txn):
        return {"ok": 1.0}

    def do_configurefailpoint(self, command, _db, _txn):
        self.fail = None if command["mode"] == "off" else {"mode": command["mode"], "data": command.get("data", {})}
        return {"ok": 1.0}

    def do_doublelog(self, command, _db, _txn):
        log = [e for e in self.log if e["db"] == command["$db"]]
        if command.get("clear"):
            self.log = [e for e in self.log if e["db"] != command["$db"]]
        return {"ok": 1.0, "log": log}

    def do_dropdatabase(self, command, db, _txn):
        self.store.databases.pop(db.name, None)
        return {"ok": 1.0}

    def do_drop(self, command, db, _txn):
        if db.collections.pop(command["drop"], None) is None:
            raise Refused(26, "NamespaceNotFound", "ns not found")
        return {"ok": 1.0}

    def do_renamecollection(self, command, _db, _txn):
        (from_db, name), (to_db, new) = (command[k].split(".", 1) for k in ("renameCollection", "to"))
        db = self.store.database(from_db)
        if from_db != to_db or name not in db.collections:
            raise Refused(26, "NamespaceNotFound", "Source collection does not exist")
        if new in db.collections and not command.get("dropTarget"):
            raise Refused(48, "NamespaceExists", "target namespace exists")
        collection = db.collections.pop(name)
        collection.name = new
        db.collections[new] = collection
        return {"ok": 1.0}

    def do_dbstats(self, _command, db, _txn):
        size = sum(len(encode(d)) for c in db.collections.values() for d in list(c.doc.values())[:10]) if db.collections else 0
        return {"ok": 1.0, "storageSize": float(size), "indexSize": 0.0, "totalSize": float(size)}

    def do_create(self, command, db, _txn):
        name = command["create"]
        if name in db.collections:
            raise Refused(48, "NamespaceExists", f"a collection '{name}' is there already")
        series = command.get("timeseries")
        if series is not None and "timeField" not in series:
            raise Refused(40414, "Location40414", "timeseries.timeField is missing but a required field")
        options = {"timeseries": series} if series is not None else {}
        db.get(name, make=True).options = options
        return {"ok": 1.0}

    def do_listcollections(self, command, db, _txn):
        docs = [{"name": c.name, "type": "timeseries" if c.timeseries else "collection", "options": c.options, "info": {}}
                for c in db.collections.values()]
        wanted = command.get("filter", {})
        docs = [d for d in docs if all(d.get(k) == v for k, v in wanted.items())]
        return {"ok": 1.0, "cursor": {"id": Int64(0), "ns": f"{db.name}.$cmd.listCollections", "firstBatch": docs}}

    def do_createindexes(self, command, db, _txn):
        collection = db.get(command["createIndexes"], make=True)
        for spec in command["indexes"]:
            collection.add_index(spec)
        return {"ok": 1.0}

    # ---- writes ----

    @staticmethod
    def _duplicate(at, e):
        return {"index": at, "code": 11000, "keyPattern": e.pattern, "keyValue": e.value, "errmsg": str(e)}

    def _collection(self, name, db, txn):
        if name in db.collections or txn is None:
            return db.get(name, make=True)
        return db.get(name, make=True)

    def _each(self, command, items, txn, write):
        errors = []
        for at, item in enumerate(items):
            try:
                write(at, item)
            except Duplicate as e:
                if txn is not None:
                    self._after_error(command)
                errors.append(self._duplicate(at, e))
                if command.get("ordered", True) or txn is not None:
                    break
            except Refused as e:
                if txn is not None:
                    raise
                errors.append({"index": at, "code": e.code, "errmsg": str(e)})
                if command.get("ordered", True):
                    break
        return errors

    @staticmethod
    def _written(errors, **members):
        reply = {"ok": 1.0, **members}
        if errors:
            reply["writeErrors"] = errors
        return reply

    def do_insert(self, command, db, txn):
        collection = self._collection(command["insert"], db, txn)
        done = []

        def write(_at, doc):
            self.store.insert(collection, doc, txn)
            done.append(1)

        errors = self._each(command, command["documents"], txn, write)
        return self._written(errors, n=len(done))

    def do_update(self, command, db, txn):
        collection = self._collection(command["update"], db, txn)
        total = {"n": 0, "nModified": 0, "upserted": []}

        def write(at, spec):
            matched, modified, upserted = self.store.update(collection, spec, txn)
            total["nModified"] += modified
            total["n"] += matched
            if upserted is not None:
                total["n"] += 1
                total["upserted"].append({"index": at, "_id": upserted})

        errors = self._each(command, command["updates"], txn, write)
        if not total["upserted"]:
            del total["upserted"]
        return self._written(errors, **total)

    def do_delete(self, command, db, txn):
        collection = self._collection(command["delete"], db, txn)
        total = [0]

        def write(_at, spec):
            total[0] += self.store.delete(collection, spec, txn)

        errors = self._each(command, command["deletes"], txn, write)
        return self._written(errors, n=total[0])

    def do_findandmodify(self, command, db, txn):
        name = command.get("findAndModify") or command["findandmodify"]
        collection = self._collection(name, db, txn)
        found = collection.find(command.get("query", {}), txn)
        before = found[0][1] if found else None
        spec = {"q": command.get("query", {}), "u": command["update"], "upsert": command.get("upsert")}
        try:
            matched, _, upserted = self.store.update(collection, spec, txn)
        except Duplicate as e:
            raise Refused(11000, "DuplicateKey", str(e)) from e
        value = before
        if command.get("new"):
            after = collection.find({"_id": before["_id"] if before else upserted}, txn) if matched or upserted is not None else []
            value = after[0][1] if after else None
        return {"ok": 1.0, "value": value, "lastErrorObject": {"n": 1 if matched or upserted is not None else 0,
                                                               "updatedExisting": bool(matched)}}

    # ---- reads ----

    def _cursor(self, db, name, docs, size):
        first, rest = docs[:size], docs[size:]
        cursor = 0
        if rest:
            self.cursor_no += 1
            cursor = self.cursor_no
            self.cursors[cursor] = rest
            while len(self.cursors) > KNOWN_CURSORS:
                del self.cursors[next(iter(self.cursors))]
        return {"ok": 1.0, "cursor": {"id": Int64(cursor), "ns": f"{db.name}.{name}", "firstBatch": first}}

    @staticmethod
    def _sort(docs, order):
        def at(doc, path):
            for part in path.split("."):
                doc = doc.get(part) if isinstance(doc, dict) else None
            return key(doc)

        for path, direction in reversed(list(order.items())):
            docs.sort(key=lambda d: at(d, path), reverse=direction < 0)

    def do_find(self, command, db, txn):
        collection = db.get(command["find"])
        moment = self._moment(command, txn)
        if collection is None:
            docs = []
        elif moment is None:
            docs = [d for _, d in collection.find(command.get("filter", {}), txn)]
        else:
            docs = [d for _, d in collection.find_at(command.get("filter", {}), moment)]
        reply = self._found(command, db, docs)
        if moment is not None:
            reply["cursor"]["atClusterTime"] = Timestamp(moment)
        return reply

    def _moment(self, command, txn):
        """Of a snapshot that is asked for outside of a transaction."""
        concern = command.get("readConcern", {})
        if txn is not None or concern.get("level") != "snapshot":
            return None
        return int(concern.get("atClusterTime", self.store.clock))

    def _found(self, command, db, docs):
        self._sort(docs, command.get("sort", {}))
        docs = docs[command.get("skip", 0):]
        if command.get("limit"):
            docs = docs[:command["limit"]]
        wanted = command.get("projection")
        if wanted:
            docs = [{k: v for k, v in d.items() if wanted.get(k, 1 if k == "_id" else 0)} for d in docs]
        if command.get("singleBatch"):
            return self._cursor(db, command["find"], docs, len(docs))
        return self._cursor(db, command["find"], docs, command.get("batchSize", 101) or len(docs))

    def do_getmore(self, command, db, _txn):
        rest = self.cursors.pop(int(command["getMore"]), None)
        if rest is None:
            raise Refused(43, "CursorNotFound", "cursor id not found")
        reply = self._cursor(db, command["collection"], rest, command.get("batchSize", BATCH) or BATCH)
        cursor = reply["cursor"]
        cursor["nextBatch"] = cursor.pop("firstBatch")
        return reply

    def do_killcursors(self, command, _db, _txn):
        for cursor in command["cursors"]:
            self.cursors.pop(int(cursor), None)
        return {"ok": 1.0}

    def do_aggregate(self, command, db, txn):
        collection = db.get(command["aggregate"])
        docs = [d for _, d in collection.find({}, txn)] if collection else []
        for stage in command["pipeline"]:
            (name, what), = stage.items()
            docs = self._stage(name, what, docs)
        return self._cursor(db, command["aggregate"], docs, command.get("cursor", {}).get("batchSize", 101))

    def _stage(self, name, what, docs):
        from store import matches
        if name == "$match":
            return [d for d in docs if matches(what, d)]
        if name == "$sort":
            docs = list(docs)
            self._sort(docs, what)
            return docs
        if name == "$limit":
            return docs[:what]
        if name == "$group":
            return self._group(what, docs)
        raise Refused(40324, "Location40324", f"the double does not know the stage {name}")

    @staticmethod
    def _group(what, docs):
        def value(expression, doc):
            if isinstance(expression, str) and expression.startswith("$"):
                for part in expression[1:].split("."):
                    doc = doc.get(part) if isinstance(doc, dict) else None
                return doc
            return expression

        groups = {}
        for doc in docs:
            by = value(what["_id"], doc)
            group = groups.setdefault(key(by), {"_id": by})
            for name, make in what.items():
                if name == "_id":
                    continue
                (operator, operand), = make.items()
                got = value(operand, doc)
                if operator == "$sum":
                    group[name] = group.get(name, 0) + (got or 0)
                elif operator in ("$min", "$max"):
                    better = (lambda a, b: a < b) if operator == "$min" else (lambda a, b: a > b)
                    if name not in group or better(key(got), key(group[name])):
                        group[name] = got
                else:
                    raise Refused(15952, "Location15952", f"the double does not know {operator}")
        return list(groups.values())

    def do_committransaction(self, command, _db, _txn):
        return self._end_transaction(command, True)

    def do_aborttransaction(self, command, _db, _txn):
        return self._end_transaction(command, False)


# ---- the wire ----

def take_message(body):
    """The command of an OP_MSG, with the documents of its other sections; and whether nobody waits for an answer."""
    flags = struct.unpack_from("<I", body)[0]
    at, end = 4, len(body) - (4 if flags & 1 else 0)
    command, more = {}, {}
    while at < end:
        kind = body[at]
        at += 1
        if kind == 0:
            command, at = decode(body, at)
            continue
        stop = at + struct.unpack_from("<i", body, at)[0]
        zero = body.index(0, at + 4)
        name, docs, at = body[at + 4:zero].decode(), [], zero + 1
        while at < stop:
            doc, at = decode(body, at)
            docs.append(doc)
        more[name] = docs
    return {**command, **more}, bool(flags & 2)


class Connection(socketserver.BaseRequestHandler):
    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.request.recv(min(size - len(data), 1 << 20))
            if not part:
                raise ConnectionError
            data += part
        return bytes(data)

    def _send(self, to, opcode, body):
        self.request.sendall(HEADER.pack(16 + len(body), 0, to, opcode) + body)

    def _serve_one(self):
        size, number, _, opcode = HEADER.unpack(self._read(16))
        body = self._read(size - 16)
        double = self.server.double
        if opcode == OP_QUERY:
            zero = body.index(0, 4)
            command, _ = decode(body, zero + 9)
            command.setdefault("$db", body[4:zero].decode().split(".")[0])
            self._send(number, OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + encode(double.answer(command)))
        elif opcode == OP_MSG:
            command, silent = take_message(body)
            reply = double.answer(command)
            if not silent:
                self._send(number, OP_MSG, struct.pack("<IB", 0, 0) + encode(reply))
        else:
            raise ConnectionError

    def handle(self):
        try:
            while True:
                self._serve_one()
        except (ConnectionError, Lost, OSError):
            return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection)
        self.double = Double()
        self.double.address = self.server_address

"""What the double holds: collections in memory, filters, updates, transactions. It is as strict as the real server where the
product leans on it (what a time-series collection refuses, duplicate keys, write conflicts, what a transaction may hold) and
simple everywhere else: a transaction reads what is committed at that moment, a session's snapshot what was at its first read."""
import bisect
import threading

from bson_codec import Date, Int64, ObjectId, encode, key

DOCUMENT_MAX = 16 * 1024 * 1024


class Refused(Exception):
    def __init__(self, code, name, message, labels=()):
        super().__init__(message)
        self.code, self.name, self.labels = code, name, list(labels)

    def reply(self):
        doc = {"ok": 0.0, "errmsg": str(self), "code": self.code, "codeName": self.name}
        if self.labels:
            doc["errorLabels"] = self.labels
        return doc


def write_conflict():
    return Refused(112, "WriteConflict", "another transaction has written this document", ["TransientTransactionError"])


# ---- filters ----

def values_at(doc, path):
    """All values under a dotted path; an array stands for its elements too."""
    found = [doc]
    for part in path.split("."):
        found = [d[part] for d in found if isinstance(d, dict) and part in d]
    out = []
    for value in found:
        out.append(value)
        if isinstance(value, list):
            out.extend(value)
    return out


ORDERED = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}


def tests(condition, found):
    if not (isinstance(condition, dict) and condition and next(iter(condition)).startswith("$")):
        wanted = key(condition)
        return any(key(v) == wanted for v in found) or (condition is None and not found)
    for operator, operand in condition.items():
        if operator in ORDERED:
            wanted = key(operand)
            if not any(key(v)[0] == wanted[0] and ORDERED[operator](key(v), wanted) for v in found):
                return False
        elif operator == "$in":
            wanted = {key(v) for v in operand}
            if not any(key(v) in wanted for v in found):
                return False
        elif operator == "$ne":
            if any(key(v) == key(operand) for v in found):
                return False
        elif operator == "$exists":
            if bool(found) != bool(operand):
                return False
        else:
            raise Refused(2, "BadValue", f"the double does not know {operator}")
    return True


def matches(filter_, doc):
    for path, condition in filter_.items():
        if path == "$or":
            if not any(matches(f, doc) for f in condition):
                return False
        elif path == "$and":
            if not all(matches(f, doc) for f in condition):
                return False
        elif not tests(condition, values_at(doc, path)):
            return False
    return True


# ---- updates ----

def parent_of(doc, path):
    *before, last = path.split(".")
    for part in before:
        doc = doc.setdefault(part, {})
    return doc, last


def updated(doc, update, inserting):
    """The document as an update leaves it: a new one."""
    if not update or not next(iter(update)).startswith("$"):
        return {**({"_id": doc["_id"]} if "_id" in doc else {}), **update}
    new = copy(doc)
    for operator, members in update.items():
        for path, value in members.items():
            holder, name = parent_of(new, path)
            if operator == "$set" or (operator == "$setOnInsert" and inserting):
                holder[name] = value
            elif operator == "$setOnInsert":
                pass
            elif operator == "$inc":
                holder[name] = Int64(holder.get(name, 0) + value)
            elif operator == "$max":
                if name not in holder or key(value) > key(holder[name]):
                    holder[name] = value
            elif operator == "$unset":
                holder.pop(name, None)
            else:
                raise Refused(9, "FailedToParse", f"the double does not know {operator}")
    return new


def copy(value):
    if isinstance(value, dict):
        return {k: copy(v) for k, v in value.items()}
    return [copy(v) for v in value] if isinstance(value, list) else value


def from_filter(filter_):
    """What an upsert begins with: the equalities of its filter."""
    doc = {}
    for path, condition in filter_.items():
        if not path.startswith("$") and not (isinstance(condition, dict) and condition and
                                             next(iter(condition)).startswith("$")):
            holder, name = parent_of(doc, path)
            holder[name] = condition
    return doc


# ---- collections ----

class Collection:
    def __init__(self, name, options=None):
        self.name, self.options = name, options or {}
        self.doc = {}       # key of _id -> document; of a time series: a number of its own
        self.version = {}   # key -> when it was last committed
        self.history = {}   # key -> (when, document or None), for snapshots
        self.held = {}      # key -> (transaction, the committed document or None)
        self.index = {"_id_": {"key": {"_id": 1}}}
        self.by = {}        # first field of an index -> key of value -> keys
        self.course = {}    # of a time series: key of its m.device -> sorted (instant, key)
        self.ranges = {}    # (first, last field) of an index of several -> key of the first's value -> sorted (key of the last's, key)
        self.count = 0

    @property
    def timeseries(self):
        return self.options.get("timeseries")

    def place(self, doc):
        if self.timeseries:
            self.count += 1
            return (self.count,)
        return key(doc["_id"])

    def _index_keys(self, field, doc):
        return {key(v) for v in values_at(doc, field)}

    def put(self, at, doc):
        self.drop(at)
        self.doc[at] = doc
        if self.timeseries:
            bisect.insort(self._course_of(doc), (int(doc[self.timeseries["timeField"]]), at))
        for field, places in self.by.items():
            for value in self._index_keys(field, doc):
                places.setdefault(value, {})[at] = None
        for fields in self.ranges:
            self._range_put(fields, at, doc)

    def _range_put(self, fields, at, doc):
        first, last = (values_at(doc, f) for f in fields)
        if first and last:
            bisect.insort(self.ranges[fields].setdefault(key(first[0]), []), (key(last[0]), at))

    def _range_drop(self, fields, at, doc):
        first, last = (values_at(doc, f) for f in fields)
        if first and last:
            row = self.ranges[fields][key(first[0])]
            del row[bisect.bisect_left(row, (key(last[0]), at))]

    def _by_range(self, filter_):
        for (first, last), rows in self.ranges.items():
            wanted = filter_.get(last)
            if first not in filter_ or not isinstance(wanted, dict) or not {"$gte", "$lt"} <= set(wanted):
                continue
            row = rows.get(key(filter_[first]), [])
            return [at for _, at in row[bisect.bisect_left(row, (key(wanted["$gte"]),)):bisect.bisect_left(row, (key(wanted["$lt"]),))]]
        return None

    def drop(self, at):
        old = self.doc.pop(at, None)
        if old is None:
            return
        if self.timeseries:
            course = self._course_of(old)
            del course[bisect.bisect_left(course, (int(old[self.timeseries["timeField"]]), at))]
        for field, places in self.by.items():
            for value in self._index_keys(field, old):
                places.get(value, {}).pop(at, None)
        for fields in self.ranges:
            self._range_drop(fields, at, old)

    def _course_of(self, doc):
        return self.course.setdefault(key((values_at(doc, "m.device") or [None])[0]), [])

    def _by_course(self, filter_):
        """Of a device's readings those that a filter of instants leaves, or None if it is another filter."""
        wanted = filter_.get(self.timeseries["timeField"])
        if "m.device" not in filter_ or not isinstance(wanted, dict):
            return None
        course = self.course.get(key(filter_["m.device"]), [])
        if set(wanted) == {"$in"}:
            return [at for ts in wanted["$in"] for _, at in
                    course[bisect.bisect_left(course, (int(ts),)):bisect.bisect_left(course, (int(ts) + 1,))]]
        first = bisect.bisect_left(course, (int(wanted["$gte"]),)) if "$gte" in wanted else 0
        last = bisect.bisect_left(course, (int(wanted["$lt"]),)) if "$lt" in wanted else len(course)
        return [at for _, at in course[first:last]]

    def add_index(self, spec):
        first = next(iter(spec["key"]))
        if self.timeseries and spec.get("unique"):
            raise Refused(67, "CannotCreateIndex", "a time-series collection has no unique indexes")
        self.index[spec["name"]] = spec
        fields = (first, list(spec["key"])[-1])
        if not self.timeseries and len(spec["key"]) > 1 and fields not in self.ranges:
            self.ranges[fields] = {}
            for at, doc in self.doc.items():
                self._range_put(fields, at, doc)
        if first != "_id" and first not in self.by:
            self.by[first] = {}
            for at, doc in self.doc.items():
                for value in self._index_keys(first, doc):
                    self.by[first].setdefault(value, {})[at] = None

    def candidates(self, filter_):
        def is_plain(v):
            return not (isinstance(v, dict) and v and next(iter(v)).startswith("$"))

        if self.timeseries:
            found = self._by_course(filter_)
            if found is not None:
                return found
        if "_id" in filter_ and not self.timeseries:
            wanted = filter_["_id"]
            if is_plain(wanted):
                return [key(wanted)]
            if set(wanted) == {"$in"}:
                return [key(v) for v in wanted["$in"]]
        found = self._by_range(filter_)
        if found is not None:
            return found
        for field, places in self.by.items():
            if field in filter_ and is_plain(filter_[field]):
                return list(places.get(key(filter_[field]), ()))
            if field in filter_ and set(filter_[field]) == {"$in"}:
                return list({at: None for v in filter_[field]["$in"] for at in places.get(key(v), ())})
        return list(self.doc)

    def seen(self, at, txn):
        held = self.held.get(at)
        return held[1] if held is not None and held[0] is not txn else self.doc.get(at)

    def find(self, filter_, txn):
        places = self.candidates(filter_)
        others = [at for at, held in self.held.items() if held[0] is not txn]
        if others:
            places = list(dict.fromkeys(places + others))
        out = []
        for at in places:
            doc = self.seen(at, txn)
            if doc is not None and matches(filter_, doc):
                out.append((at, doc))
        return out

    def remember(self, at, clock):
        self.version[at] = clock
        if not self.timeseries:
            self.history.setdefault(at, []).append((clock, self.doc.get(at)))

    def find_at(self, filter_, clock):
        """What was committed at a moment."""
        out = []
        for at, versions in self.history.items():
            doc = next((d for when, d in reversed(versions) if when <= clock), None)
            if doc is not None and matches(filter_, doc):
                out.append((at, doc))
        return out

    def check_unique(self, at, doc):
        if at in self.doc and not self.timeseries:
            raise Duplicate({"_id": 1}, {"_id": doc["_id"]}, self.name)
        self.check_indexes(at, doc)

    def check_indexes(self, at, doc):
        for spec in self.index.values():
            if not spec.get("unique"):
                continue
            wanted = {field: (values_at(doc, field) or [None])[0] for field in spec["key"]}
            first = next(iter(spec["key"]))
            for other in list(self.by.get(first, {}).get(key(wanted[first]), ())):
                if other != at and matches(wanted, self.doc[other]):
                    raise Duplicate(spec["key"], wanted, self.name)


class Duplicate(Exception):
    def __init__(self, pattern, value, collection):
        super().__init__(f"E11000 duplicate key error collection: {collection}")
        self.pattern, self.value = pattern, value


class Transaction:
    def __init__(self, started):
        self.started, self.undo = started, []


class Database:
    def __init__(self, name):
        self.name, self.collections = name, {}

    def get(self, name, make=False):
        found = self.collections.get(name)
        if found is None and make:
            found = self.collections[name] = Collection(name)
        return found


class Store:
    """All databases, one lock, and the clock of commits."""

    def __init__(self):
        self.lock = threading.Condition()
        self.databases = {}
        self.clock = 0
        self.ids = 0

    def database(self, name):
        return self.databases.setdefault(name, Database(name))

    # ---- writes ----

    def _hold(self, collection, at, txn):
        held = collection.held.get(at)
        if held is not None and held[0] is not txn:
            if txn is not None:
                raise write_conflict()
            while at in collection.held:  # a write alone waits
                if not self.lock.wait(60):
                    raise write_conflict()
        if txn is None:
            return
        if collection.version.get(at, 0) > txn.started:
            raise write_conflict()
        if at not in collection.held:
            collection.held[at] = (txn, collection.doc.get(at))
            txn.undo.append((collection, at))

    def _write(self, collection, at, doc, txn):
        self._hold(collection, at, txn)
        if doc is None:
            collection.drop(at)
        else:
            if len(encode(doc)) > DOCUMENT_MAX:
                raise Refused(10334, "BSONObjectTooLarge", "a document of more than 16 MB")
            collection.put(at, doc)
        if txn is None:
            self.clock += 1
            collection.remember(at, self.clock)

    def insert(self, collection, doc, txn):
        if "_id" not in doc:
            self.ids += 1
            doc = {"_id": ObjectId(self.ids.to_bytes(12, "big")), **doc}
        if collection.timeseries:
            if txn is not None:
                raise Refused(263, "OperationNotSupportedInTransaction",
                              "a transaction cannot write to a time-series collection")
            if not isinstance(doc.get(collection.timeseries["timeField"]), Date):
                raise Refused(2, "BadValue", "the time field must be there and a date")
        at = collection.place(doc)
        self._hold(collection, at, txn)
        collection.check_unique(at, doc)
        self._write(collection, at, doc, txn)

    def update(self, collection, spec, txn):
        """matched, modified, the upserted _id or None"""
        if collection.timeseries:
            raise Refused(72, "InvalidOptions", "a time-series collection takes no updates of anything but its meta field")
        found = collection.find(spec["q"], txn)
        if not spec.get("multi"):
            found = found[:1]
        modified = 0
        for at, doc in found:
            new = updated(doc, spec["u"], False)
            if new != doc:
                collection.check_indexes(at, new)
                self._write(collection, at, new, txn)
                modified += 1
            else:
                self._hold(collection, at, txn)
        if found or not spec.get("upsert"):
            return len(found), modified, None
        doc = updated(from_filter(spec["q"]), spec["u"], True)
        if "_id" not in doc:
            self.ids += 1
            doc["_id"] = ObjectId(self.ids.to_bytes(12, "big"))
        at = key(doc["_id"])
        self._hold(collection, at, txn)
        collection.check_unique(at, doc)
        self._write(collection, at, doc, txn)
        return 0, 0, doc["_id"]

    def delete(self, collection, spec, txn):
        if collection.timeseries and txn is not None:
            raise Refused(263, "OperationNotSupportedInTransaction",
                          "a transaction cannot write to a time-series collection")
        found = collection.find(spec["q"], txn)
        if spec.get("limit"):
            found = found[:1]
        for at, _ in found:
            self._write(collection, at, None, txn)
        return len(found)

    # ---- transactions ----

    def commit(self, txn):
        self.clock += 1
        for collection, at in txn.undo:
            collection.held.pop(at, None)
            collection.remember(at, self.clock)
        self.lock.notify_all()

    def abort(self, txn):
        for collection, at in reversed(txn.undo):
            before = collection.held.pop(at)[1]
            if before is None:
                collection.drop(at)
            else:
                collection.put(at, before)
        self.lock.notify_all()

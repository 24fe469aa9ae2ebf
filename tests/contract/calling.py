"""What the calls have in common: their list, and what is asked of every list and of every answer with an ETag."""
CALLS = {}  # by operation, in their order


def of(name):
    def keep(function):
        CALLS[name] = function
        return function
    return keep


def walk(w, name, key, whole, who="admin", path=(), query=None):
    """A list page by page is the list: one row a page against all at once. Limits and cursors that are none are 400."""
    query = dict(query or {})
    rows, cursor, empty = [], None, False
    for _ in range(len(whole) + 2):
        page = w.call(name, 200, who, path, {**query, "limit": 1, **({"cursor": cursor} if cursor else {})}).json
        rows += page[key]
        empty = empty or not page[key]
        cursor = page["next"]
        if cursor is None:
            break
    w.report(f"{name}: page by page it is the same list", "" if rows == whole else f"{len(rows)} rows, not these {len(whole)}")
    if whole and "readings" not in page:
        w.report(f"{name}: no page of it is empty", "one is" if empty else "")
    for limit in ("0", "-1", "100000", "x", "1.5", ""):
        w.call(name, 400, who, path, {**query, "limit": limit}, why=f"limit={limit}")
    w.call(name, 400, who, path, {**query, "cursor": "bm90IG9uZQ"}, why="a cursor of nothing")
    w.call(name, 400, who, path, [*query.items(), ("limit", 1), ("limit", 2)], why="a member twice")


def again(w, name, who="admin", path=(), query=None):
    """A conditional GET: 304 for what is there, 200 for what is not, and a stranger's tag is nobody else's."""
    first = w.call(name, 200, who, path, query)
    tag = first.headers.get("ETag")
    w.report(f"{name} has an ETag", "" if tag else "none")
    same = w.call(name, 304, who, path, query, headers={"If-None-Match": f'"x", {tag}'})
    for header in ("ETag", "Cache-Control", "Vary"):
        wrong = "" if same.headers.get(header) == first.headers.get(header) else f"{first.headers.get(header)}, {same.headers.get(header)}"
        w.report(f"{name}: its 304 has the same {header}", wrong)
    w.call(name, 200, who, path, query, headers={"If-None-Match": '"something else"'})
    return first

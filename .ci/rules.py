"""Asks the Firestore emulator (FIRESTORE_EMULATOR_HOST) what firestore.rules let an owner, a member, and a stranger do."""

import base64
import json
import os
import pathlib
import random
import sys
import time
import urllib.error
import urllib.request

HOST = f"http://{os.environ['FIRESTORE_EMULATOR_HOST']}"
PROJECT = f"demo-rules-{random.randrange(10**9)}"
DATABASE = f"projects/{PROJECT}/databases/(default)"
DOCUMENTS = f"{HOST}/v1/{DATABASE}/documents"
OWNER, MEMBER, STRANGER, NOBODY, SERVER = "ann", "bob", "eve", None, "server"
TIME = "2027-01-01T00:00:00Z"
AUTHOR = ["idea", "draft", "ready", "scheduled"]
OURS = ["publishing", "published", "failed"]
SERVER_FIELDS = ["deliveries", "lease", "dueAt", "publishedAt", "settledAt", "attempts", "revision", "error", "postState"]

wrong = asked = 0


def token(uid):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"sub": uid, "user_id": uid, "iat": now, "exp": now + 3600, "aud": PROJECT}
    claims["iss"] = f"https://securetoken.google.com/{PROJECT}"
    claims["firebase"] = {"sign_in_provider": "custom", "identities": {}}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def call(method, url, body, who):
    headers = {"content-type": "application/json"}
    if who is not None:
        headers["authorization"] = "Bearer owner" if who == SERVER else f"Bearer {token(who)}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def value(plain):
    if plain == TIME:
        return {"timestampValue": plain}
    if isinstance(plain, bool):
        return {"booleanValue": plain}
    if isinstance(plain, int):
        return {"integerValue": str(plain)}
    if isinstance(plain, dict):
        return {"mapValue": {"fields": {key: value(item) for key, item in plain.items()}}}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(item) for item in plain]}}
    return {"stringValue": plain}


def commit(write, who):
    return call("POST", f"{DOCUMENTS}:commit", {"writes": [write]}, who)


def put(path, fields, who, mask=None):
    """Sets the document, or with a mask only these fields."""
    fields = {key: value(item) for key, item in fields.items()}
    write = {"update": {"name": f"{DATABASE}/documents/{path}", "fields": fields}}
    return commit(write if mask is None else {**write, "updateMask": {"fieldPaths": mask}}, who)


def change(path, who, **fields):
    return put(path, fields, who, list(fields))


def delete(path, who):
    return commit({"delete": f"{DATABASE}/documents/{path}"}, who)


def read(path, who):
    return call("GET", f"{DOCUMENTS}/{path}", None, who)


def posts_of(profile, who):
    profile = {"field": {"fieldPath": "profileId"}, "op": "EQUAL", "value": value(profile)}
    latest = {"field": {"fieldPath": "scheduledTime"}, "direction": "DESCENDING"}
    query = {"from": [{"collectionId": "posts"}], "where": {"fieldFilter": profile}, "orderBy": [latest]}
    return call("POST", f"{DOCUMENTS}:runQuery", {"structuredQuery": query}, who)


def expect(what, answer, allowed):
    global asked, wrong
    asked += 1
    status, text = answer
    if status != (200 if allowed else 403):
        wrong += 1
        print(f"{what}: wanted {'yes' if allowed else 'no'}, got {status} {text[:300]}")


def may(what, answer):
    expect(what, answer, True)


def may_not(what, answer):
    expect(what, answer, False)


def seed(path, **fields):
    status, text = put(path, fields, SERVER)
    assert status == 200, text


def post(name, **fields):
    seed(f"posts/{name}", profileId="p", userId=OWNER, content="c", **fields)


def profiles():
    seed("profiles/p", userId=OWNER, users=[MEMBER], name="n")
    seed("profiles/map", userId="zed", users={MEMBER: True})
    seed("profiles/connected", userId=OWNER, socialConnections={"twitter": {"accessToken": "sealed"}})
    for who, allowed in [(OWNER, True), (MEMBER, True), (STRANGER, False), (NOBODY, False)]:
        expect(f"{who} reads a profile", read("profiles/p", who), allowed)
    may("member by map reads", read("profiles/map", MEMBER))
    may("owner reads a profile without users", read("profiles/connected", OWNER))
    may_not("stranger reads a profile without users", read("profiles/connected", STRANGER))

    may("owner renames", change("profiles/connected", OWNER, name="new"))
    may_not("owner writes connections", change("profiles/connected", OWNER, socialConnections={}))
    one_token = {"twitter": {"accessToken": "forged"}}
    path = "socialConnections.twitter.accessToken"
    may_not("owner writes one token", put("profiles/connected", {"socialConnections": one_token}, OWNER, [path]))
    may_not("owner overwrites it all", put("profiles/connected", {"userId": OWNER}, OWNER))
    may_not("member lets somebody in", change("profiles/p", MEMBER, users=[MEMBER, STRANGER]))
    may("owner lets somebody in", change("profiles/p", OWNER, users=[MEMBER, "cat"]))
    may_not("member takes over", change("profiles/p", MEMBER, userId=MEMBER))

    may("anybody makes a profile of their own", put("profiles/own", {"userId": STRANGER}, STRANGER))
    may_not("with connections", put("profiles/own2", {"userId": STRANGER, "socialConnections": {}}, STRANGER))
    may_not("for somebody else", put("profiles/own3", {"userId": OWNER}, STRANGER))
    may_not("owner deletes a connected profile", delete("profiles/connected", OWNER))
    may("owner deletes a profile", delete("profiles/own", STRANGER))


def creating_posts():
    def create(who, **fields):
        return put(f"posts/new{asked}", fields, who)

    for status in AUTHOR + OURS + ["other"]:
        made = create(OWNER, profileId="p", userId=OWNER, status=status, scheduledTime=TIME)
        expect(f"create {status}", made, status in AUTHOR)
    may_not("scheduled for no time", create(OWNER, profileId="p", status="scheduled"))
    may_not("scheduled for a text", create(OWNER, profileId="p", status="scheduled", scheduledTime="soon"))
    may("scheduled for a number", create(OWNER, profileId="p", status="scheduled", scheduledTime=1))
    may("member creates for the owner", create(MEMBER, profileId="p", userId=OWNER, status="idea"))
    may_not("member creates as somebody else", create(MEMBER, profileId="p", userId="cat", status="idea"))
    may_not("stranger creates", create(STRANGER, profileId="p", userId=STRANGER, status="idea"))
    may_not("create for no profile", create(STRANGER, profileId="none", userId=STRANGER, status="idea"))
    for field in SERVER_FIELDS:
        may_not(f"create with {field}", create(OWNER, profileId="p", status="idea", **{field: {}}))


def changing_posts():
    for field in SERVER_FIELDS:
        post("a", status="draft", **{field: {"a": 1}})
        may_not(f"write {field}", change("posts/a", OWNER, **{field: 2}))
        may_not(f"drop {field}", put("posts/a", {"profileId": "p", "userId": OWNER, "content": "c"}, OWNER))
        may(f"write beside {field}", change("posts/a", OWNER, content="new"))
    for before in AUTHOR + OURS:
        for after in AUTHOR + OURS:
            post("b", status=before, scheduledTime=TIME)
            mine = after in AUTHOR and before in AUTHOR + ["failed"]
            allowed = before == after or mine
            expect(f"{before} to {after}", change("posts/b", OWNER, status=after), allowed)
    post("c", status="scheduled", scheduledTime=TIME)
    may_not("reschedule to a text", change("posts/c", OWNER, scheduledTime="soon"))
    may_not("move to another profile", change("posts/c", OWNER, profileId="map"))
    may_not("stranger edits", change("posts/c", STRANGER, content="mine"))
    may("member reads a post", read("posts/c", MEMBER))
    may_not("stranger reads a post", read("posts/c", STRANGER))
    may("member lists", posts_of("p", MEMBER))
    may_not("stranger lists", posts_of("p", STRANGER))
    may("owner deletes", delete("posts/c", OWNER))
    post("d", status="publishing")
    may_not("owner deletes what is being published", delete("posts/d", OWNER))


def closed():
    for collection in ["socialOauthStates", "socialSystem", "elsewhere"]:
        seed(f"{collection}/a", x=1)
        may_not(f"read {collection}", read(f"{collection}/a", OWNER))
        may_not(f"write {collection}", change(f"{collection}/a", OWNER, x=2))


rules = pathlib.Path(__file__).parent.parent.joinpath("firestore.rules").read_text()
files = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
status, text = call("PUT", f"{HOST}/emulator/v1/projects/{PROJECT}:securityRules", files, SERVER)
assert status == 200, text
profiles()
creating_posts()
changing_posts()
closed()
print(f"{asked} questions, {wrong} answered wrong")
sys.exit(1 if wrong else 0)

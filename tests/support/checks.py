"""checks - says ok or NOT ok and goes on; end() ends the test."""

failures = 0


def check(what, expected, actual):
    global failures
    if expected == actual:
        print(f"ok: {what}", flush=True)
    else:
        failures += 1
        print(f"NOT ok: {what}\n  expected: {str(expected)[:400]}\n  actual:   {str(actual)[:400]}", flush=True)


def check_sanitizer(name, log):
    """What a sanitizer has to say of a role is a failure, whatever the test saw."""
    global failures
    at = [log.find(words) for words in (b"Sanitizer", b"runtime error:") if words in log]
    if at:
        failures += 1
        print(f"NOT ok: {name} reports nothing\n{log[min(at) :][:4000].decode(errors='replace')}", flush=True)


def end():
    print(f"{failures} failed")
    raise SystemExit(failures > 0)

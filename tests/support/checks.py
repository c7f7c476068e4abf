"""checks - says ok or NOT ok and goes on; end() ends the test."""

failures = 0


def check(what, expected, actual):
    global failures
    if expected == actual:
        print(f"ok: {what}", flush=True)
    else:
        failures += 1
        print(f"NOT ok: {what}\n  expected: {str(expected)[:400]}\n  actual:   {str(actual)[:400]}", flush=True)


def end():
    print(f"{failures} failed")
    raise SystemExit(failures > 0)

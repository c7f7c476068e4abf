"""planted - secrets, each of them another, and where they were found again."""

RUN_ID = "0190a0a0-0000-7000-8000-00000000%04x"


class Planted:
    """Makes secrets, keeps what came out of the program, and looks for the one in the other."""

    def __init__(self):
        self.secrets = {}
        self.words = {}

    def secret(self, door):
        self.secrets[door] = f"pl4nted{len(self.secrets):03d}Xq7Zt9Lw{door.replace('-', '')}"
        return self.secrets[door]

    def heard(self, where, data):
        self.words.setdefault(where, []).append(data if isinstance(data, bytes) else str(data).encode())

    def found(self):
        return sorted(
            f"{door} in {where}"
            for where, parts in self.words.items()
            for door, secret in self.secrets.items()
            if any(secret.encode() in part for part in parts)
        )


def event(number, secret):
    """Holds the secret where producers have put theirs; nothing of it may stay."""
    return {
        "eventTime": "2026-03-01T10:00:00Z",
        "eventType": "COMPLETE",
        "run": {
            "runId": RUN_ID % number,
            "facets": {
                "errorMessage": {"message": f"no way to jdbc:postgresql://db:5432/x?user=etl&password={secret}"},
                "environmentVariables": {"environmentVariables": [{"name": "DB_TOKEN", "value": secret}]},
                "spark_properties": {"properties": {"spark.jdbc.url": f"jdbc:mysql://etl:{secret}@db/x"}},
            },
        },
        "job": {"namespace": f"postgres://etl:{secret}@db:5432", "name": f"job-{number}"},
        "inputs": [{"namespace": "s3://raw", "name": f"a?X-Amz-Signature={secret}"}],
    }

"""secure_kafka - a Kafka of its own (KRaft, one node) that takes clients by SASL_SSL (PLAIN or
SCRAM-SHA-512) or with a certificate of their own, and allows nothing by default; certificates are made here."""

import base64
import os
import secrets
import subprocess

from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient
from confluent_kafka.admin import ResourcePatternType, ResourceType

from own_pipeline import free_port, wait_until

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=SASL_SSL://127.0.0.1:{port},SSL://127.0.0.1:{certificate_port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{port},SSL://127.0.0.1:{certificate_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_SSL
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="{admin}";
listener.name.ssl.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+)$/$1/
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:admin;User:ANONYMOUS
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=35651584
"""
JVM = ["-Xms128m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_certificate(folder, name, extension):
    """NAME.key and NAME.crt, signed by ca"""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(extension)
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def make_certificates(folder):
    """ca.pem, broker.pem (key and certificate for 127.0.0.1), other-ca.pem"""
    for name in ("ca", "other-ca"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    make_certificate(folder, "broker", "subjectAltName=IP:127.0.0.1\n")
    (folder / "broker.pem").write_bytes((folder / "broker.key").read_bytes() + (folder / "broker.crt").read_bytes())


class SecureKafka:
    def __init__(self, folder, principals, mechanism, jars):
        self.folder = folder
        self.mechanism = mechanism
        self.jars = jars
        self.port = free_port()
        self.certificate_port = free_port()
        self.passwords = {name: secrets.token_hex(16) for name in ["admin", *principals]}
        self.process = None
        make_certificates(folder)
        for name, password in self.passwords.items():
            path = folder / f"{name}.password"
            path.touch(0o600)
            path.write_text(password + "\n")
        users = " ".join(f'user_{name}="{password}"' for name, password in self.passwords.items())
        self.properties = folder / "server.properties"
        self.properties.write_text(PROPERTIES.format(port=self.port, certificate_port=self.certificate_port, controller=free_port(), folder=folder,
                                                     admin=self.passwords["admin"], users=users))

    def start(self):
        java = [os.environ["JAVA"], *JVM, "-cp", f"{self.jars}/*"]
        cluster = base64.urlsafe_b64encode(b"\x10" + secrets.token_bytes(15)).decode().rstrip("=")
        scram = [word for name, password in self.passwords.items()
                 for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")]
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.properties), *scram],
                       check=True, capture_output=True)
        log = open(self.folder / "kafka.log", "wb")
        self.process = subprocess.Popen([*java, "kafka.Kafka", str(self.properties)], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL)
        log.close()
        self.admin = AdminClient(self.client("admin") | {"log_level": 0})
        wait_until("the broker answers", self.answers, 600)

    def answers(self):
        try:
            return self.admin.list_topics(timeout=2)
        except Exception:  # noqa: BLE001  any failure means not yet
            return None

    def client(self, name):
        """Properties of a client that logs in by that name."""
        return {"bootstrap.servers": f"127.0.0.1:{self.port}", "security.protocol": "SASL_SSL",
                "sasl.mechanism": self.mechanism, "sasl.username": name, "sasl.password": self.passwords[name],
                "ssl.ca.location": str(self.folder / "ca.pem")}

    def settings(self, name):
        """The same as settings of a role; the password stands in a file."""
        return {"METAOPS_KAFKA_BROKERS": f"127.0.0.1:{self.port}", "METAOPS_RDKAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "METAOPS_RDKAFKA_SASL_MECHANISM": self.mechanism, "METAOPS_RDKAFKA_SASL_USERNAME": name,
                "METAOPS_RDKAFKA_SASL_PASSWORD_FILE": str(self.folder / f"{name}.password"),
                "METAOPS_RDKAFKA_SSL_CA_LOCATION": str(self.folder / "ca.pem")}

    def settings_with_certificate(self, name):
        """Who has a certificate of that name needs no password."""
        make_certificate(self.folder, name, "extendedKeyUsage=clientAuth\n")
        return {"METAOPS_KAFKA_BROKERS": f"127.0.0.1:{self.certificate_port}",
                "METAOPS_RDKAFKA_SECURITY_PROTOCOL": "SSL", "METAOPS_RDKAFKA_SSL_CA_LOCATION": str(self.folder / "ca.pem"),
                "METAOPS_RDKAFKA_SSL_CERTIFICATE_LOCATION": str(self.folder / f"{name}.crt"),
                "METAOPS_RDKAFKA_SSL_KEY_LOCATION": str(self.folder / f"{name}.key")}

    def allow(self, rows):
        self.change(rows, lambda row: self.admin.create_acls([binding(*row, AclBinding)]))

    def forbid(self, rows):
        self.change(rows, lambda row: self.admin.delete_acls([binding(*row, AclBindingFilter)]))

    @staticmethod
    def change(rows, change):
        for row in rows:
            for done in change(row).values():
                done.result(20)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def binding(principal, operation, resource, name, kind):
    pattern = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
    words = {"DescribeConfigs": "DESCRIBE_CONFIGS"}
    return kind(ResourceType[resource.upper()], name.rstrip("*"), pattern, f"User:{principal}", "*",
                AclOperation[words.get(operation, operation.upper())], AclPermissionType.ALLOW)

# shellcheck shell=bash
# kafka.sh - a Kafka (KRaft) of one node or three, each broker and controller in one; its jars come from
# Maven Central once, into the cache.

# A Java of 17 or newer, empty when there is none. The release file answers without starting a JVM.
kafka_java() {
    local java release
    for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
        [[ -n $java && -x $java ]] || continue
        java=$(readlink -f "$java")
        release=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "${java%/bin/java}/release" 2>/dev/null || true)
        # Not every package has that file; then the folder carries the number.
        if [[ -z $release && $java =~ /java-([0-9]+)- ]]; then
            release=${BASH_REMATCH[1]}
        fi
        if ((${release:-0} >= 17)); then
            printf '%s' "$java"
            return
        fi
    done
}

kafka_jars() {
    printf '%s/kafka-%s' "$CACHE" "$(sha256sum "$ROOT/compose/kafka/pom.xml" | cut -c1-16)"
}

kafka_is_fetched() {
    [[ -d $(kafka_jars) ]]
}

kafka_fetch() {
    local jars new
    jars=$(kafka_jars)
    new=$jars.new.$$
    rm -rf "$new"
    mkdir -p "$new"
    mvn -B -f "$ROOT/compose/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$new"
    ls "$new"/kafka_2.13-*.jar >/dev/null
    # Another stack may have been faster.
    mv -T "$new" "$jars" 2>/dev/null || rm -rf "$new"
    kafka_is_fetched
}

kafka_tool() {
    "$(kafka_java)" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$(kafka_jars)/*" "$@"
}

# The process of a node: kafka, kafka-2, kafka-3.
kafka_name() {
    if (($1 == 1)); then
        printf 'kafka'
    else
        printf 'kafka-%d' "$1"
    fi
}

# Names of the nodes there are or may be.
kafka_names() {
    local file
    printf 'kafka\n'
    for file in "$STATE"/run/kafka-*.pid; do
        [[ -f $file ]] && basename "$file" .pid
    done
    return 0
}

kafka_folder() {
    if (($1 == 1)); then
        printf '%s/kafka' "$STATE"
    else
        printf '%s/kafka/node-%d' "$STATE" "$1"
    fi
}

# host:port of every node
kafka_addresses() {
    local node list=
    for ((node = 1; node <= BROKERS; node++)); do
        list+=,127.0.0.1:$(kafka_port "$node")
    done
    printf '%s' "${list#,}"
}

kafka_voters() {
    local node list=
    for ((node = 1; node <= BROKERS; node++)); do
        list+=,$node@127.0.0.1:$(controller_port "$node")
    done
    printf '%s' "${list#,}"
}

# Of three nodes one may be away.
kafka_in_sync() {
    printf '%d' $((BROKERS / 2 + 1))
}

kafka_configure() {
    local node=$1 folder
    folder=$(kafka_folder "$node")
    mkdir -p "$folder"
    # Backslashes are escapes in a properties file.
    DATA=${folder//\\/\\\\}/data NODE=$node KAFKA=$(kafka_port "$node") CONTROLLER=$(controller_port "$node") \
        VOTERS=$(kafka_voters) REPLICAS=$BROKERS IN_SYNC=$(kafka_in_sync) \
        SESSION_MS=$((BROKERS == 1 ? 3000 : 1000)) awk '
        function fill(mark, value,  at) {
            if ((at = index($0, mark))) {
                $0 = substr($0, 1, at - 1) value substr($0, at + length(mark))
                fill(mark, value)
            }
        }
        {
            fill("@PORT_KAFKA@", ENVIRON["KAFKA"])
            fill("@PORT_CONTROLLER@", ENVIRON["CONTROLLER"])
            fill("@NODE@", ENVIRON["NODE"])
            fill("@VOTERS@", ENVIRON["VOTERS"])
            fill("@REPLICAS@", ENVIRON["REPLICAS"])
            fill("@IN_SYNC@", ENVIRON["IN_SYNC"])
            fill("@SESSION_MS@", ENVIRON["SESSION_MS"])
            fill("@DATA@", ENVIRON["DATA"])
            print
        }' "$ROOT/compose/kafka/server.properties" >"$folder/server.properties"
}

kafka_new_id() {
    local id=-
    while [[ $id == -* ]]; do
        id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    done
    printf '%s' "$id"
}

# All nodes of a cluster have one id.
kafka_format() {
    local folder
    folder=$(kafka_folder "$1")
    rm -rf "$folder/data"
    [[ -s $STATE/kafka/cluster-id ]] || kafka_new_id >"$STATE/kafka/cluster-id"
    kafka_tool kafka.tools.StorageTool format -t "$(<"$STATE/kafka/cluster-id")" -c "$folder/server.properties"
    : >"$folder/formatted"
}

kafka_is_formatted() {
    [[ -f $(kafka_folder "$1")/formatted ]]
}

kafka_ensure() {
    local node
    kafka_is_fetched || step "fetch Kafka's jars from Maven Central" kafka_fetch
    for ((node = 1; node <= BROKERS; node++)); do
        kafka_configure "$node"
        kafka_is_formatted "$node" || step "format the storage of $(kafka_name "$node")" kafka_format "$node"
    done
}

kafka_runs() {
    local node
    for ((node = 1; node <= BROKERS; node++)); do
        process_runs "$(kafka_name "$node")" || return 1
    done
}

# Those nodes that do not run.
kafka_start() {
    local node
    for ((node = 1; node <= BROKERS; node++)); do
        process_runs "$(kafka_name "$node")" || kafka_start_node "$node"
    done
}

kafka_start_node() {
    local name
    name=$(kafka_name "$1")
    process_forget "$name"
    process_start "$name" "$(kafka_java)" -Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX" \
        -cp "$(kafka_jars)/*" kafka.Kafka "$(kafka_folder "$1")/server.properties"
}

kafka_is_ready() {
    local node
    for ((node = 1; node <= BROKERS; node++)); do
        process_serves "$(kafka_name "$node")" "$(kafka_port "$node")" || return 1
    done
}

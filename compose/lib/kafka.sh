# shellcheck shell=bash
# kafka.sh - a single-node Kafka (KRaft); its jars come from Maven Central once, into the cache.

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

kafka_configure() {
    mkdir -p "$STATE/kafka"
    # Backslashes are escapes in a properties file.
    DATA=${STATE//\\/\\\\}/kafka/data KAFKA=$PORT_KAFKA CONTROLLER=$PORT_CONTROLLER awk '
        function fill(mark, value,  at) {
            if ((at = index($0, mark))) {
                $0 = substr($0, 1, at - 1) value substr($0, at + length(mark))
                fill(mark, value)
            }
        }
        {
            fill("@PORT_KAFKA@", ENVIRON["KAFKA"])
            fill("@PORT_CONTROLLER@", ENVIRON["CONTROLLER"])
            fill("@DATA@", ENVIRON["DATA"])
            print
        }' "$ROOT/compose/kafka/server.properties" >"$STATE/kafka/server.properties"
}

kafka_new_id() {
    local id=-
    while [[ $id == -* ]]; do
        id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    done
    printf '%s' "$id"
}

kafka_format() {
    rm -rf "$STATE/kafka/data"
    kafka_tool kafka.tools.StorageTool format -t "$(kafka_new_id)" -c "$STATE/kafka/server.properties"
    : >"$STATE/kafka/formatted"
}

kafka_ensure() {
    kafka_is_fetched || step "fetch Kafka's jars from Maven Central" kafka_fetch
    kafka_configure
    [[ -f $STATE/kafka/formatted ]] || step "format Kafka's storage" kafka_format
}

kafka_start() {
    process_forget kafka
    process_start kafka "$(kafka_java)" -Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX" \
        -cp "$(kafka_jars)/*" kafka.Kafka "$STATE/kafka/server.properties"
}

kafka_is_ready() {
    process_serves kafka "$PORT_KAFKA"
}

# What `cmake --install` and the Debian package put where. The package is made by
#
#   cmake -S . -B build-package -G Ninja -DMETAOPS_PACKAGE=ON -DCMAKE_INSTALL_PREFIX=/usr
#   cmake --build build-package --target package
#
# and tests/packages/deb installs and starts it. METAOPS_PACKAGE needs scdoc and, for the package,
# dpkg-dev and file.
include(GNUInstallDirs)

install(TARGETS metaops RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT metaops)

option(METAOPS_PACKAGE "Make man pages, and install all that belongs to a Debian package" OFF)
if(NOT METAOPS_PACKAGE)
    return()
endif()

find_program(SCDOC scdoc REQUIRED)
find_program(GZIP gzip REQUIRED)
set(PACKAGE_DIR ${CMAKE_BINARY_DIR}/package)
set(DEBIAN_DIR ${CMAKE_SOURCE_DIR}/compose/debian)
set(PACKAGE_FILES)

# Debian wants manuals and change logs compressed, and equal bytes from equal sources: no time stamp.
set(MAN_PAGES metaops.1 metaops.conf.5)
add_custom_command(OUTPUT ${PACKAGE_DIR}/man/metaops.1.gz ${PACKAGE_DIR}/man/metaops.conf.5.gz
    COMMAND ${CMAKE_SOURCE_DIR}/compose/man/pages $<TARGET_FILE:metaops> ${PACKAGE_DIR}/man
    COMMAND ${GZIP} -9nf ${MAN_PAGES}
    WORKING_DIRECTORY ${PACKAGE_DIR}/man
    DEPENDS metaops compose/man/pages compose/man/metaops.1.scd compose/man/metaops.conf.5.scd VERBATIM)
file(MAKE_DIRECTORY ${PACKAGE_DIR}/man)
add_custom_command(OUTPUT ${PACKAGE_DIR}/metaops.conf
    COMMAND sh -c "$<TARGET_FILE:metaops> --print-config-doc > ${PACKAGE_DIR}/metaops.conf"
    DEPENDS metaops VERBATIM)
add_custom_command(OUTPUT ${PACKAGE_DIR}/changelog.gz
    COMMAND sh -c "${GZIP} -9nc ${DEBIAN_DIR}/changelog > ${PACKAGE_DIR}/changelog.gz"
    DEPENDS ${DEBIAN_DIR}/changelog VERBATIM)
add_custom_target(package_files ALL DEPENDS ${PACKAGE_DIR}/man/metaops.1.gz ${PACKAGE_DIR}/man/metaops.conf.5.gz
    ${PACKAGE_DIR}/metaops.conf ${PACKAGE_DIR}/changelog.gz)

# unit files and settings have fixed places, whatever the prefix.
install(FILES ${PACKAGE_DIR}/man/metaops.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT metaops)
install(FILES ${PACKAGE_DIR}/man/metaops.conf.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT metaops)
install(FILES ${PACKAGE_DIR}/metaops.conf DESTINATION /etc/metaops COMPONENT metaops)
install(FILES compose/systemd/metaops-gateway.service compose/systemd/metaops-worker@.service
    compose/systemd/metaops-alerter.service compose/systemd/metaops-poll.service
    compose/systemd/metaops-maintain.service compose/systemd/metaops-maintain.timer
    DESTINATION /lib/systemd/system COMPONENT metaops)
install(DIRECTORY compose/prometheus compose/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/metaops COMPONENT metaops)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/metaops COMPONENT metaops)

# Three packages: the program, and the emitter library (installed in ingest/emitter) with what programs are built with.
set(CPACK_COMPONENTS_ALL metaops emit emit_dev)
set(CPACK_DEBIAN_METAOPS_PACKAGE_NAME metaops)
set(CPACK_DEBIAN_EMIT_PACKAGE_NAME libmetaops-emit1)
set(CPACK_DEBIAN_EMIT_DEV_PACKAGE_NAME libmetaops-emit-dev)
# Each carries its copyright and change log.
foreach(component ${CPACK_COMPONENTS_ALL})
    string(TOUPPER ${component} upper)
    install(FILES ${DEBIAN_DIR}/copyright ${PACKAGE_DIR}/changelog.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME} COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME metaops)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "MetaOps maintainers <metaops@example.org>" CACHE STRING "Maintainer of the package")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "lineage events by HTTP and Kafka into a graph in PostgreSQL")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_METAOPS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_METAOPS_PACKAGE_SHLIBDEPS ON)
# procps: the units' reload is /bin/kill.
set(CPACK_DEBIAN_METAOPS_PACKAGE_DEPENDS "adduser, procps")
set(CPACK_DEBIAN_METAOPS_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_METAOPS_PACKAGE_SUGGESTS "postgresql, prometheus")
set(CPACK_COMPONENT_METAOPS_DESCRIPTION
"MetaOps takes the OpenLineage events that Airflow, Spark, dbt and others
send, keeps them without loss on Kafka, removes duplicates and keeps a
normalized lineage graph of datasets, columns, jobs and runs in PostgreSQL,
to be read with plain SQL.

This package has the program with its long-running roles, gateway, worker,
alerter and poll, their systemd units, man pages, Prometheus rules and Grafana
dashboards. Kafka and PostgreSQL may run elsewhere.")
set(CPACK_DEBIAN_METAOPS_PACKAGE_CONTROL_EXTRA ${DEBIAN_DIR}/postinst ${DEBIAN_DIR}/prerm ${DEBIAN_DIR}/postrm
    ${DEBIAN_DIR}/conffiles)

set(EMIT_WHAT
"The library sends OpenLineage events from inside a program, to a MetaOps
gateway or straight to Kafka. A call never waits for the network: what can't
be sent now is kept in a bounded file and sent later, also after a crash.")
set(CPACK_DEBIAN_EMIT_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_EMIT_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_EMIT_PACKAGE_CONTROL_EXTRA ${DEBIAN_DIR}/triggers ${DEBIAN_DIR}/shlibs)
install(FILES ${DEBIAN_DIR}/libmetaops-emit1.lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
    RENAME libmetaops-emit1 COMPONENT emit)
# Loaded when events go straight to Kafka.
set(CPACK_DEBIAN_EMIT_PACKAGE_RECOMMENDS librdkafka1)
set(CPACK_COMPONENT_EMIT_DESCRIPTION "${EMIT_WHAT}")
set(CPACK_DEBIAN_EMIT_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_EMIT_DEV_PACKAGE_DEPENDS "libmetaops-emit1 (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_EMIT_DEV_DESCRIPTION
"${EMIT_WHAT}

This package has the header, which is the manual, the static library, and
what pkg-config and CMake need to find both.")
include(CPack)

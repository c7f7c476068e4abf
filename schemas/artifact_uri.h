/* artifact_uri.h - one form for what names the stored artifact of a model, so that a training run, a registry and
 * a deployment that mean the same artifact say the same text: their edges join by it.
 *
 * Pure functions, thread-safe. The form of a form is itself.
 *
 * What is made equal: s3a:// and s3n:// are s3://, gcs:// is gs://; scheme and host in lower case (the path keeps
 * its case; what stands behind hf:// is no host); no user of an authority, but where it is a container (wasb, abfs); an
 * absolute path is a file:// URL; no slash at the end; no file name that a server or a library looks for by itself
 * (model.joblib, MLmodel, model-settings.json, ...: the table in artifact_uri.c).
 *
 * What is kept: queries, dots and doubled slashes in a path, escapes; two keys of a bucket may differ in these alone. */
#ifndef METAOPS_SCHEMAS_ARTIFACT_URI_H
#define METAOPS_SCHEMAS_ARTIFACT_URI_H

#include <stdbool.h>

#include "core/str.h"

#define ARTIFACT_URI_BYTES_MAX 2048
#define ARTIFACT_DIGEST_BYTES_MAX 160

/* Writes the form of uri into out (ARTIFACT_URI_BYTES_MAX bytes) and its view into *out_uri. False for what names
 * nothing by itself: a relative path (./model.joblib belongs to a settings file), a scheme without host or path, what
 * is too long or has control characters. *out_uri is then untouched, out is not. */
bool artifact_uri_normalize(struct str uri, char *out, struct str *out_uri);

/* The form of the place that a dataset of OpenLineage names: namespace (s3://bucket, file, hdfs://host:port) and
 * name are parts of one URI. As artifact_uri_normalize. */
bool artifact_uri_of_dataset(struct str namespace_, struct str name, char *out,
                             struct str *out_uri);

/* The form of a digest, ALGORITHM:HEX in lower case, in out (ARTIFACT_DIGEST_BYTES_MAX bytes). Bare hexadecimal digits
 * are of the algorithm that makes so many: md5, sha1, sha256 or sha512. What stands before an @ (an image) is passed
 * over. False for what is no digest. */
bool artifact_digest_normalize(struct str digest, char *out, struct str *out_digest);

#endif

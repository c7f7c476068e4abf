/* mlflow_signature.h - is a delivery of MLflow's webhooks from somebody who knows the secret, and fresh?
 *
 * MLflow signs as Standard Webhooks do: X-MLflow-Signature is `v1,` and base64 of HMAC-SHA256 over
 * `delivery id.timestamp.body`, where id and time (seconds) are X-MLflow-Delivery-Id and X-MLflow-Timestamp. The
 * secret is taken as it stands, as MLflow takes it. Retries have the time of the first try. Any thread. */
#ifndef METAOPS_INGEST_MLFLOW_SIGNATURE_H
#define METAOPS_INGEST_MLFLOW_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct mlflow_keys;

/* What is signed, and the signature; ptr NULL for a header that is not there. */
struct mlflow_delivery {
    struct str id;
    struct str timestamp;
    struct str signature;
    struct str body;
};

enum mlflow_trust { MLFLOW_TRUSTED, MLFLOW_FORGED, MLFLOW_STALE };

/* Reads the secrets, one a line of 8 to 1024 bytes, at most four (old and new while they are changed). An empty path:
 * no signature is asked for, *out_keys is NULL. FATAL with the reason. */
MUST_CHECK enum verdict mlflow_keys_open(const char *path, struct mlflow_keys **out_keys,
                                         struct err *err);

/* MLFLOW_STALE only for what is signed well, but further than age_max_s from now_s, on either side. */
enum mlflow_trust mlflow_keys_judge(const struct mlflow_keys *keys,
                                    const struct mlflow_delivery *delivery, int64_t now_s,
                                    int64_t age_max_s);

/* Forgets them. NULL is allowed. */
void mlflow_keys_close(struct mlflow_keys *keys);

#endif

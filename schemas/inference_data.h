/* inference_data.h - the elements of a tensor in the Open Inference Protocol's protobuf, as a JSON array. */
#ifndef METAOPS_SCHEMAS_INFERENCE_DATA_H
#define METAOPS_SCHEMAS_INFERENCE_DATA_H

#include "schemas/json_out.h"
#include "schemas/protobuf_reader.h"

/* Reads rd, an InferTensorContents. Contents of two kinds are a fault. */
void inference_data_contents(struct protobuf_reader *rd, struct json_out *out);

/* bytes, the raw contents of the tensor that rd reads: the elements one after another, little-endian, without any field. What is no whole number
 * of elements is a fault; of a datatype that the protocol does not name it becomes base64. */
void inference_data_raw(struct protobuf_reader *rd, struct str datatype, struct str bytes,
                        struct json_out *out);

#endif

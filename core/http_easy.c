#include "core/http_easy.h"

#include <pthread.h>
#include <strings.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void set_up(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool http_easy_is_set_up(void)
{
    pthread_once(&once, set_up);
    return global_code == CURLE_OK;
}

CURL *http_easy_new(const struct http_easy *easy)
{
    long connect_ms =
        easy->timeout_ms < easy->connect_ms_most ? easy->timeout_ms : easy->connect_ms_most;
    CURL *curl = http_easy_is_set_up() ? curl_easy_init() : NULL;

    if (!curl) {
        return NULL;
    }
    curl_easy_setopt(curl, CURLOPT_URL, easy->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, easy->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "metaops/" METAOPS_VERSION);
    if (easy->ca_file && *easy->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, easy->ca_file);
    }
    return curl;
}

void http_easy_go_direct(CURL *curl, const char *url)
{
    if (strncasecmp(url, "https:", 6) != 0) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
}

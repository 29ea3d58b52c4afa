/* Preloaded into peerd: names that end in ".silent" are this machine, and while the file $SILENT_NAMES is there, the name
 * server that is asked for them never answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  lookup real = (lookup)dlsym(RTLD_NEXT, "getaddrinfo");
  const size_t size = host ? strlen(host) : 0;
  if (size < 7 || strcmp(host + size - 7, ".silent") != 0 || (hints && hints->ai_flags & AI_NUMERICHOST))
    return real(host, service, hints, found);
  const char *file = getenv("SILENT_NAMES");
  for (int second = 0; second < 120 && file && access(file, F_OK) == 0; ++second) sleep(1);
  return real("127.0.0.1", service, hints, found);
}

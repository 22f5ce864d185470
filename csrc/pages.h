/* pages.h - the names that guard.c has for what is in os.h. */
#ifndef DEFERRED_PAGES_H
#define DEFERRED_PAGES_H
#include "os.h"
#define page_size os_page
#define pages_map(size, access) os_map(size, (OsAccess)(access))
#define pages_protect(start, size, access) os_protect(start, size, (OsAccess)(access))
#endif

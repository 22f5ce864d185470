/* structured.h - `structuredClone`, by the codec that arguments and results cross by: encoded and
 * decoded in the same realm.
 */
#ifndef DEFERRED_STRUCTURED_H
#define DEFERRED_STRUCTURED_H

#include "quickjs.h"

JSValue structured_clone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

#endif

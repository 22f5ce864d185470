/* submission.h - reads the bytes that dfd_submit was given (deferred.h, DFD_SUBMISSION_*).
 *
 * The host's thread only. The bytes are the host's and are copied. Nothing in them is trusted,
 * except that the regions are memory which may be read and written.
 */
#ifndef DEFERRED_SUBMISSION_H
#define DEFERRED_SUBMISSION_H

#include "task.h"

/* Whether a submission, of DFD_SUBMISSION_ARGS bytes at least, is as long as it says, and its
 * regions are memory that can be lent. */
bool submission_is_sound(const uint8_t *submission, size_t length);

/* Whether a message (DFD_MESSAGE_*), of DFD_MESSAGE_VALUE bytes at least, is. */
bool submission_message_is_sound(const uint8_t *message, size_t length);

/* Of a sound one: the handle of its program, 0 for a script; whether it limits CPU time. */
double submission_program(const uint8_t *submission);
bool submission_limits_cpu(const uint8_t *submission);

/* The task of a sound one, for a program, which it takes a hold of, or (NULL) a script. NULL when
 * there is no memory. */
Task *submission_read(const uint8_t *submission, Program *program);

#endif

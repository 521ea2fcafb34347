/* SIGINT, SIGTERM and SIGHUP ask the work to stop; a second SIGINT before that happened ends the process. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* Installs the handlers; SIGPIPE keeps its own way (a quiet end) and SIGWINCH is noticed. */
void signals_start(void);
/* Has one of them come since the last signals_forget? */
bool signals_stop_asked(void);
/* SIGTERM or SIGHUP came. They are never forgotten. */
bool signals_terminated(void);
/* SIGUSR1 asks, too, as a batch system sends it before a job's time is over; never to end at once. */
void signals_take_warning(void);
/* The exit status of what they ended: EXIT_INTERRUPTED, EXIT_TERMINATED or EXIT_HUNG_UP. */
int signals_exit_status(void);
/* Takes a Ctrl-C as answered: the next one counts as the first. */
void signals_forget(void);
/* While true, the first of them ends the process: for waiting on input and for work that does not look whether to stop,
 * when nothing is half done. Returns what it was. */
bool signals_leave_at_once(bool yes);
/* While true, no number of SIGINTs ends the process: at the prompt, where each is answered and the terminal must be
 * given back first. */
void signals_be_patient(bool yes);
/* Waits until the descriptor can be read (true), or one of the signals came, also just before the call (false). */
bool signals_wait_readable(int descriptor);
/* Was the window resized, or the process stopped and let go on (and other things are on the screen), since the last
 * call? */
typedef enum signals_redraw { REDRAW_NONE, REDRAW_RESIZED, REDRAW_CONTINUED } signals_redraw;
signals_redraw signals_take_redraw(void);
/* Takes back that the terminal marks what is pasted; while true, this is part of giving the terminal back. */
#define SIGNALS_PASTE_OFF "\033[?2004l"
void signals_mark_paste(bool yes);
/* While true, the terminal gets the modes that it has now back whenever a signal ends or stops the process (SIGKILL
 * aside), and after a stop the modes that it had then. At the end it gets them back for good. */
void signals_keep_terminal(bool yes);

#endif

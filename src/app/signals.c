#include "app/signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "app/message.h"

static atomic_int asked_to_stop;

/* Whether a second signal ends the process. One variable, so that holding and ending exclude each
 * other on whatever thread the signal comes. */
enum { FREE, HELD, ENDING };
static atomic_int state = FREE;

static void on_signal(int number)
{
    (void)number;
    int expected = FREE;
    if (atomic_exchange(&asked_to_stop, 1) != 0 &&
        atomic_compare_exchange_strong(&state, &expected, ENDING)) {
        _exit(VOX_EXIT_CANCELLED);
    }
}

void vox_signals_hold(void)
{
    int expected = FREE;
    while (!atomic_compare_exchange_strong(&state, &expected, HELD)) {
        pause(); /* another thread is in _exit */
        expected = FREE;
    }
}

void vox_signals_release(void)
{
    atomic_store(&state, FREE);
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action, before;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(number, &action, NULL);
    }
}

const atomic_int *vox_signals_catch(void)
{
    set_handler(SIGINT, on_signal);
    set_handler(SIGTERM, on_signal);
    set_handler(SIGPIPE, SIG_IGN);
    set_handler(SIGXFSZ, SIG_IGN);
    return &asked_to_stop;
}

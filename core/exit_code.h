/* exit_code.h - what the program's exit says. Commands return one of these from their run. */
#ifndef METAOPS_CORE_EXIT_CODE_H
#define METAOPS_CORE_EXIT_CODE_H

enum exit_code {
    EXIT_CODE_OK = 0,       /* all done; a role: stopped in order after a signal */
    EXIT_CODE_FAILED = 1,   /* something was refused, not found, not reached, or went wrong */
    EXIT_CODE_USAGE = 2,    /* unknown command, flag or word */
    EXIT_CODE_SETTINGS = 3, /* a setting is wrong */
};

#endif

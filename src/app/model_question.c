#include "app/model_question.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool vox_can_ask(void)
{
    return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
}

bool vox_ask(const char *question)
{
    char line[64];
    fputs(question, stderr);
    fflush(stderr);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "yes") == 0 || strcasecmp(line, "y") == 0;
}

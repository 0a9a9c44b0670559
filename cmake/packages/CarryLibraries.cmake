# What the tarball has besides the files of the program, which are there already: its libraries, where it looks for them,
# and their licences. The C library and its loader are the system's: they belong to its kernel and its name
# services, and a program cannot bring its own without its own loader.
#
# Given: vox_source, vox_version, vox_dpkg_query.
set(top "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(libraries "${top}/lib/voxlabel")
set(documents "${top}/share/doc/voxlabel")

# vox_owner(OUT FILE): the Debian package that a library came with.
function(vox_owner out file)
    get_filename_component(real "${file}" REALPATH)
    # A system with one folder for /lib and /usr/lib still records files under the name that their package gave.
    string(REGEX REPLACE "^/usr/lib" "/lib" short "${real}")
    foreach(path IN ITEMS "${real}" "/usr${short}" "${short}")
        execute_process(COMMAND ${vox_dpkg_query} --search "${path}"
            OUTPUT_VARIABLE said ERROR_QUIET RESULT_VARIABLE status)
        if(status EQUAL 0 AND said MATCHES "^([^ ,]+): ")
            set(${out} "${CMAKE_MATCH_1}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
    message(FATAL_ERROR "no package owns ${real}: its licence is not known, so it cannot be passed on")
endfunction()

# vox_licence(PACKAGE): the package's copyright file, and the common licences that it speaks of.
function(vox_licence package)
    string(REGEX REPLACE ":.*" "" name "${package}")
    set(copyright "/usr/share/doc/${name}/copyright")
    if(NOT EXISTS "${copyright}")
        message(FATAL_ERROR "${copyright} is missing: the library cannot be passed on without its licence")
    endif()
    file(READ "${copyright}" text)
    file(WRITE "${documents}/licenses/${name}.txt" "${text}")
    string(REGEX MATCHALL "/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]" common "${text}")
    foreach(path IN LISTS common)
        if(EXISTS "${path}")
            get_filename_component(licence "${path}" NAME)
            configure_file("${path}" "${documents}/licenses/common/${licence}" COPYONLY)
        endif()
    endforeach()
endfunction()

file(MAKE_DIRECTORY "${libraries}" "${documents}/licenses/common")
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${top}/bin/voxlabel" RESOLVED_DEPENDENCIES_VAR found
    UNRESOLVED_DEPENDENCIES_VAR missing)
if(missing)
    message(FATAL_ERROR "libraries that were not found: ${missing}")
endif()
list(SORT found)
set(rows "")
foreach(library IN LISTS found)
    vox_owner(package "${library}")
    if(package MATCHES "^libc6")
        continue()
    endif()
    get_filename_component(real "${library}" REALPATH)
    get_filename_component(name "${library}" NAME)
    file(COPY_FILE "${real}" "${libraries}/${name}")
    vox_licence("${package}")
    execute_process(
        COMMAND ${vox_dpkg_query} --show --showformat "\${Package} \${Version}, source \${source:Package} \${source:Version}"
            "${package}"
        OUTPUT_VARIABLE origin COMMAND_ERROR_IS_FATAL ANY)
    string(APPEND rows "${name}: ${origin}\n")
endforeach()

file(STRINGS /etc/os-release system REGEX "^PRETTY_NAME=")
string(REGEX REPLACE "^PRETTY_NAME=\"?([^\"]*)\"?$" "\\1" system "${system}")
file(WRITE "${documents}/libraries.txt"
    "The libraries in lib/voxlabel are files of ${system}, unchanged: library, package and version, source package\n"
    "and version. licenses/ holds the licence of each package. Their sources are the named source packages of that\n"
    "system; whoever passes these files on must see to it that the sources can be had, as several licences demand.\n"
    "Each file may be replaced by another build of the same library.\n\n${rows}")
file(COPY "${vox_source}/LICENSE" "${vox_source}/CHANGELOG.md" DESTINATION "${documents}")
file(READ "${vox_source}/cmake/packages/tarball.txt" text)
string(REPLACE "@VERSION@" "${vox_version}" text "${text}")
file(WRITE "${top}/README.txt" "${text}")

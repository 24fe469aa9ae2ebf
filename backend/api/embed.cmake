# Writes the bytes of IN as the C array NAME, terminated, to OUT: cmake -D IN=… -D OUT=… -D NAME=…
# -D HEADER=… -P embed.cmake
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "('.x0a',)" "\\1\n" bytes "${bytes}")
file(WRITE "${OUT}" "#include \"${HEADER}\"\n\nconst char ${NAME}[] = {\n${bytes}0};\n")

def write_report(search):
    pass
